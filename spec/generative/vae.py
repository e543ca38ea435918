from lossgen.formula import Axis, Logit, NonNegative, Prediction, Sum, Unit, exp, loss

from ..classification.binary_cross_entropy import binary_cross_entropy_with_logits

D = Axis("D", place="features")
Z = Axis("Z", place="features")
d, z = D.index(), Z.index()


@loss(paper="Kingma and Welling 2014, Auto-Encoding Variational Bayes, arXiv:1312.6114, appendix B")
def gaussian_kl_divergence(mu: Prediction[Z], log_var: Prediction[Z]):
    """The divergence of a diagonal normal distribution from the standard one, summed over the latent axis.

    Use it to regularise the latent space of a variational autoencoder.
    Strength: exact, no sampling. Weakness: its weight against the reconstruction must be chosen.
    """
    return -Sum(1 + log_var[z] - mu[z] ** 2 - exp(log_var[z]), z) / 2


@loss(paper="Kingma and Welling 2014, arXiv:1312.6114, eq. 10; β: Higgins et al. 2017, β-VAE")
def vae_loss(reconstruction: Logit[D], data: Unit[D], mu: Prediction[Z], log_var: Prediction[Z], beta: NonNegative = 1):
    """The negative evidence lower bound of a variational autoencoder with Bernoulli outputs, per item.

    Use it for images and other data in [0, 1], with logits from the decoder.
    Strength: reconstruction balanced against latent regularity. Weakness: the balance β must be chosen with care.
    """
    error = Sum(binary_cross_entropy_with_logits(reconstruction[d], data[d]), d)
    return error + beta * gaussian_kl_divergence(mu, log_var)
