"""The stability rules: each is one named function with its formula and its domain in the docstring.

A rule looks at one node and returns an equal expression that keeps its digits, or None. The order matters only where two
rules fit the same node.
"""

from .binary import binary_selects_sign
from .complements import complement_of_atom, sigmoid_difference
from .differences import log_difference, log_one_plus_square, relative_error
from .exponentials import (
    exp_difference,
    log_of_product,
    log_of_two_exponentials,
    log_one_plus,
    merge_exponentials,
    power_of_positive_atom,
    power_times_argument,
    power_times_expm1,
    reciprocal_of_one_plus_exp,
    softplus_difference,
    softplus_from_log1p,
)
from .lengths import (
    complement_of_cosine,
    complement_of_leg,
    difference_of_norms,
    ratio_of_inner_product,
    rejection_of_unit_vector,
    root_of_powers,
    root_of_squares,
)
from .likes import difference_of_likes, part_along_sphere, share_of_other_entries
from .protect import (
    guard_complement_of_indicator,
    protect_zero_times_exp,
    protect_zero_times_log,
    release_finite,
    xlogy_to_absorb,
)
from .reductions import (
    canonical_index,
    collapse_delta,
    factor_out_of_sum,
    logsumexp_shift,
    split_delta_terms,
    split_exponential,
    sum_of_constant,
    sum_of_exponentials,
    sum_of_guarded_exponentials,
)
from .residual import softmax_residual
from .selects import select_at_once, terms_meet_in_select
from .shares import logarithms_over_mean, one_minus_quotient, opposing_fractions
from .tangents import entropy_above_tangent, exp_above_tangent

#: Applied once, to the raw formula, before anything else: later rules may hide where a logarithm stood.
PROTECTION = (protect_zero_times_log, protect_zero_times_exp, xlogy_to_absorb, guard_complement_of_indicator)

#: Applied to the formula and to every derivative until none fires.
STABLE = (
    canonical_index,
    logsumexp_shift,
    sum_of_exponentials,
    sum_of_guarded_exponentials,
    select_at_once,
    split_delta_terms,
    collapse_delta,
    split_exponential,
    factor_out_of_sum,
    sum_of_constant,
    reciprocal_of_one_plus_exp,
    merge_exponentials,
    complement_of_atom,
    sigmoid_difference,
    binary_selects_sign,
    softplus_difference,
    softmax_residual,
    exp_difference,
    log_of_product,
    log_of_two_exponentials,
    log_one_plus,
    log_one_plus_square,
    log_difference,
    relative_error,
    one_minus_quotient,
    opposing_fractions,
    logarithms_over_mean,
    entropy_above_tangent,
    exp_above_tangent,
    terms_meet_in_select,
    softplus_from_log1p,
    power_of_positive_atom,
    power_times_argument,
    power_times_expm1,
    root_of_squares,
    root_of_powers,
    ratio_of_inner_product,
    complement_of_cosine,
    rejection_of_unit_vector,
    complement_of_leg,
    difference_of_norms,
    part_along_sphere,
    share_of_other_entries,
    difference_of_likes,
    release_finite,
)

#: Those whose form has a derivative that costs more than that of what was there, a select in each branch of another: not
#: applied to a slope that is differentiated once more.
LAST = (opposing_fractions,)

__all__ = ["LAST", "PROTECTION", "STABLE"]
