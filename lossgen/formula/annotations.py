"""The annotations of a loss's arguments, read and checked."""

from collections.abc import Callable, Mapping
from inspect import Parameter
from math import isfinite

from .errors import SpecError
from .options import Option
from .roles import Choice, Conditional, Role

Annotation = Role | Choice | Conditional | Option

#: What a hyperparameter's domain says of its default.
DOMAINS: Mapping[str, Callable[[float], bool]] = {
    "positive": lambda x: x > 0,
    "nonnegative": lambda x: x >= 0,
    "unit": lambda x: 0 <= x <= 1,
    "binary": lambda x: x in (0, 1),
    "sign": lambda x: x in (-1, 1),
    "between-1-and-2": lambda x: 1 < x < 2,
    "class-number": lambda x: x >= 0 and x == int(x),
    "length": lambda x: x == -1,
}


def read_annotation(loss: str, parameter: Parameter) -> Annotation:
    """What an argument is. Raises SpecError where it has no role, or a default that its role does not allow."""
    role, name = parameter.annotation, parameter.name
    if not isinstance(role, Annotation):
        raise SpecError(
            f"{loss}: argument {name} has no role; annotate it, as in "
            f"{name}: Prediction, Real, Binary, ClassIndex[C], Weight, Parameter or Flag"
        )
    if is_setting(role) and parameter.default is parameter.empty:
        example = f"as in {name}: {role} = 1" if isinstance(role, Role) else role.meaning
        raise SpecError(f"{loss}: hyperparameter {name} needs a default, {example}")
    for r in alternatives(role):
        if (r.integer or r.listed) and r.axis is None and r.points_to is None:
            raise SpecError(f"{loss}: argument {name}: {r.name} needs its axis, as in {name}: {r.name}[C]")
    _check_default(loss, parameter, role)
    return role


def alternatives(role: Annotation) -> tuple[Role, ...]:
    """Every role that the annotation stands for; none for an option."""
    return () if isinstance(role, Option) else (role,) if isinstance(role, Role) else role.roles


def check_barred(loss: str, roles: Mapping[str, Annotation]) -> None:
    """Raises SpecError where labels are to be other than a class that no hyperparameter is the number of."""
    for name, role in roles.items():
        for r in alternatives(role):
            number = roles.get(r.barred) if r.barred else None
            if r.barred and not (
                isinstance(number, Role) and number.kind == "parameter" and number.points_to == r.points_to
            ):
                raise SpecError(
                    f"{loss}: argument {name}: {r}: {r.barred} is no number of a class of {r.points_to.name}; "
                    f"expected a hyperparameter, as in {r.barred}: ClassNumber[{r.points_to.name}] = 0"
                )


def is_setting(role: Annotation) -> bool:
    """Whether it is a hyperparameter."""
    return isinstance(role, Option) or (isinstance(role, Role) and role.kind == "parameter")


def _check_default(loss: str, parameter: Parameter, role: Annotation) -> None:
    value, given = parameter.default, f"{loss}: the default of {parameter.name} is {parameter.default!r}"
    if isinstance(role, Option):
        if role.accepts(value):
            return
        if role.other is None:
            raise SpecError(f"{given}, expected {role.meaning}")
        role = role.other
    if value is parameter.empty or (value is None and not is_setting(role)):
        return
    if isinstance(value, bool) or not isinstance(value, int | float) or not isfinite(value):
        raise SpecError(f"{given}, expected a finite number")
    if isinstance(role, Role) and not DOMAINS.get(role.domain, lambda _: True)(value):
        raise SpecError(f"{given}, expected {role.meaning}")
