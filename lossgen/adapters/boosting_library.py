"""One line that says what to install, where no library for gradient boosting is there. None of them is imported."""

from importlib.util import find_spec

LIBRARIES = ("lightgbm", "xgboost", "catboost")

if not any(map(find_spec, LIBRARIES)):
    raise ImportError(
        "objectives for gradient boosting need LightGBM, XGBoost or CatBoost, and none is installed: "
        "pip install lossgen[boosting], or xgboost-cpu, xgboost or catboost"
    )
