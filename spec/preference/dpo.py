from lossgen.formula import Fraction, LogProbability, Positive, Real, log, loss, sigmoid


@loss(
    paper="Rafailov et al. 2023, Direct Preference Optimization, arXiv:2305.18290, eq. 7; smoothing: Mitchell 2023, cDPO"
)
def dpo_loss(
    policy_chosen_logps: LogProbability,
    policy_rejected_logps: LogProbability,
    reference_chosen_logps: Real,
    reference_rejected_logps: Real,
    beta: Positive = 0.1,
    label_smoothing: Fraction = 0,
):
    """The negative log-likelihood that the chosen answer is preferred, under the policy's implicit reward.

    Use it to align a language model with preferences, from the log-probabilities of whole answers.
    `label_smoothing` is the probability that a preference is the wrong way round.
    Strength: no reward model, no sampling. Weakness: β, which holds the policy near the reference, must be chosen; it may
    lower the probability of both answers.
    The gradient is that of all four log-probabilities. With `label_smoothing` it crosses 0 where the model is as sure as the
    labels are, and loses its digits there; far into the tail it has those that β times the difference of the ratios has.
    """
    log_ratio_chosen = policy_chosen_logps - reference_chosen_logps
    log_ratio_rejected = policy_rejected_logps - reference_rejected_logps
    p = sigmoid(beta * (log_ratio_chosen - log_ratio_rejected))
    return -(1 - label_smoothing) * log(p) - label_smoothing * log(1 - p)
