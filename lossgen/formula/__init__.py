"""The formula language: everything that an author of a loss imports.

A loss is a function whose annotations are the roles of its arguments, whose defaults are its hyperparameters, whose
docstring is its documentation, and which returns the formula of the paper as a SymPy expression:

>>> from lossgen.formula import Parameter, Prediction, Real, loss, log, exp
>>> @loss
... def log_cosh_loss(input: Prediction, target: Real):
...     '''log cosh of the error.'''
...     error = input - target
...     return log((exp(error) + exp(-error)) / 2)
"""

from sympy import Abs, And, Eq, Max, Min, Ne, Not, Or, Piecewise, exp, log, oo, pi, sign, sqrt, tanh

from .atoms import absorb, detach, expm1, log1p, sigmoid, softplus, xlogy
from .axes import Axis, Index
from .errors import SpecError
from .infinities import infinite_with, zero_if_infinite
from .lengths import hypot, ratio
from .loss import Loss, loss
from .nodes import Delta, Entry, LogSumExp, Sum, log_softmax, softmax
from .nodes import Max as MaxOver
from .options import Flag, Option
from .recurrence import recurrence
from .roles import (
    AboveMinusOne,
    Amount,
    BetweenOneAndTwo,
    Binary,
    ClassIndex,
    ClassNumber,
    ClassWeight,
    EntryWeight,
    Fraction,
    LabelList,
    Length,
    Logit,
    LogProbability,
    NonNegative,
    NonNegativePrediction,
    Parameter,
    Positive,
    PositivePrediction,
    Prediction,
    PredictionAboveMinusOne,
    Probability,
    Real,
    Role,
    Sign,
    Simplex,
    Unit,
    Variance,
    Weight,
)
from .symbols import Each, is_label, item
from .variant import Variant

__all__ = [
    "AboveMinusOne",
    "Abs",
    "Amount",
    "And",
    "Axis",
    "BetweenOneAndTwo",
    "Binary",
    "ClassIndex",
    "ClassNumber",
    "ClassWeight",
    "Delta",
    "Each",
    "Entry",
    "EntryWeight",
    "Eq",
    "Flag",
    "Fraction",
    "Index",
    "LabelList",
    "Length",
    "LogProbability",
    "LogSumExp",
    "Logit",
    "Loss",
    "Max",
    "MaxOver",
    "Min",
    "Ne",
    "NonNegative",
    "NonNegativePrediction",
    "Not",
    "Option",
    "Or",
    "Parameter",
    "Piecewise",
    "Positive",
    "PositivePrediction",
    "Prediction",
    "PredictionAboveMinusOne",
    "Probability",
    "Real",
    "Role",
    "Sign",
    "Simplex",
    "SpecError",
    "Sum",
    "Unit",
    "Variance",
    "Variant",
    "Weight",
    "absorb",
    "detach",
    "exp",
    "expm1",
    "hypot",
    "infinite_with",
    "is_label",
    "item",
    "log",
    "log1p",
    "log_softmax",
    "loss",
    "oo",
    "pi",
    "ratio",
    "recurrence",
    "sigmoid",
    "sign",
    "softmax",
    "softplus",
    "sqrt",
    "tanh",
    "xlogy",
    "zero_if_infinite",
]
