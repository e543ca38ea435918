from lossgen.formula import (
    Axis,
    Logit,
    NonNegative,
    Option,
    Positive,
    Prediction,
    Real,
    Sum,
    Unit,
    exp,
    log,
    loss,
)

from ..classification.binary_cross_entropy import binary_cross_entropy_with_logits

D = Axis("D", place="features")
Z = Axis("Z", place="features")
d, z = D.index(), Z.index()

Likelihood = Option("bernoulli", "gaussian")
Decoded = Logit[D].given(likelihood={"gaussian": Prediction[D]})
Data = Unit[D].given(likelihood={"gaussian": Real[D]})


@loss(paper="Kingma and Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114, appendix B")
def gaussian_kl_divergence(mu: Prediction[Z], log_var: Prediction[Z]):
    """The divergence of a diagonal normal distribution from the standard one, summed over the latent axis.

    Use it to regularise the latent space of a variational autoencoder.
    Strength: exact, no sampling. Weakness: its weight against the reconstruction must be chosen.
    """
    return -Sum(1 + log_var[z] - mu[z] ** 2 - exp(log_var[z]), z) / 2


@loss(paper="Kingma and Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114, appendix C")
def vae_reconstruction_loss(
    reconstruction: Decoded, data: Data, likelihood: Likelihood = "bernoulli", variance: Positive = 1
):
    """The negative log-likelihood of data under what a decoder makes of them, summed over the features of an item.

    Use it for the decoder of a variational autoencoder: "bernoulli" with logits and data in [0, 1], such as pixels;
    "gaussian" with means and real data of a given `variance`, which the constant ½·D·log 2π is left out of.
    Strength: a likelihood, so that it may be balanced against a divergence. Weakness: features count as independent, which
    blurs images; the variance must be chosen.
    """
    if likelihood == "bernoulli":
        return Sum(binary_cross_entropy_with_logits(reconstruction[d], data[d]), d)
    return Sum((data[d] - reconstruction[d]) ** 2, d) / (2 * variance) + D.size * log(variance) / 2


@loss(paper="Kingma and Welling 2014, arXiv:1312.6114, eq. 10; β: Higgins et al. 2017, β-VAE")
def vae_loss(
    reconstruction: Decoded,
    data: Data,
    mu: Prediction[Z],
    log_var: Prediction[Z],
    beta: NonNegative = 1,
    likelihood: Likelihood = "bernoulli",
    variance: Positive = 1,
):
    """The negative evidence lower bound of a variational autoencoder, per item.

    Use it for images and other data in [0, 1], with logits from the decoder ("bernoulli"), or for real data of a given
    `variance`, with means from the decoder ("gaussian").
    Strength: reconstruction balanced against latent regularity. Weakness: the balance β must be chosen with care.
    """
    error = vae_reconstruction_loss(reconstruction, data, likelihood, variance)
    return error + beta * gaussian_kl_divergence(mu, log_var)
