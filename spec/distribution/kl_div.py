from lossgen.formula import Amount, Flag, LogProbability, Real, absorb, exp, log, loss


@loss(
    paper="Kullback and Leibler 1951, On Information and Sufficiency, Annals of Mathematical Statistics 22(1), eq. 2.4",
    module="KLDivLoss",
    reductions=("mean", "batchmean", "sum", "none"),
    positional=("input", "target", "size_average", "reduce", "reduction", "log_target"),
)
def kl_div(input: LogProbability, target: Amount.given(log_target=Real), log_target: Flag = False):
    """The Kullback–Leibler divergence of predicted log-probabilities from target probabilities, element by element.

    Use it to bring a distribution near another one, as in knowledge distillation. With `log_target` the target, too, holds
    logarithms. `batchmean` is the divergence proper, per item of the batch; `mean` divides by the number of elements.
    Strength: the whole distribution teaches. Weakness: not symmetric; infinite where the prediction rules out what occurs.
    A target of 0 (a log-target of −inf) counts nothing, also under a prediction of −inf, where PyTorch gives NaN.
    Where log target and input nearly agree their difference has as few digits as the two leave; with `log_target` it is exact.
    """
    q, log_q = (exp(target), target) if log_target else (target, log(target))
    return absorb(q, log_q - input)
