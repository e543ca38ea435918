from lossgen.formula import Fraction, Logit, log, loss, sigmoid

from ..classification.binary_cross_entropy import binary_cross_entropy_with_logits


@loss(
    paper="Goodfellow et al. 2014, Generative Adversarial Networks, arXiv:1406.2661, eq. 1; label smoothing: "
    "Salimans et al. 2016, Improved Techniques for Training GANs, arXiv:1606.03498, section 3.4"
)
def gan_discriminator_loss(real: Logit.of("real"), fake: Logit.of("fake"), label_smoothing: Fraction = 0):
    """The cross entropy of telling real samples from generated ones: −log D(x) − log(1 − D(G(z))), from logits.

    Use it for image generation, to train the discriminator D. Strength: realistic samples from two networks in
    competition. Weakness: unstable; mode collapse. `label_smoothing` lowers the target of real samples from 1, one-sided
    as Salimans et al. recommend (0.1), which keeps D from being overconfident. Minimise it; the paper maximises its
    negative.
    """
    return binary_cross_entropy_with_logits(real, 1 - label_smoothing) + binary_cross_entropy_with_logits(fake, 0)


@loss(paper="Goodfellow et al. 2014, Generative Adversarial Networks, arXiv:1406.2661, section 3")
def gan_generator_loss(fake: Logit):
    """The non-saturating loss of a generator: −log D(G(z)), from the discriminator's logits.

    Use it for image generation, to train the generator G. Strength: realistic samples from two networks in competition;
    a strong gradient early, when D rejects G's samples. Weakness: unstable; mode collapse.
    """
    return -log(sigmoid(fake))


@loss(paper="Goodfellow et al. 2014, Generative Adversarial Networks, arXiv:1406.2661, eq. 1")
def gan_generator_minimax_loss(fake: Logit):
    """The loss of a generator in the two-player minimax game: log(1 − D(G(z))), from the discriminator's logits.

    Use it to study the game itself; `gan_generator_loss` trains better. Strength: its equilibrium minimises the
    Jensen–Shannon divergence. Weakness: the gradient vanishes where D rejects G's samples with confidence.
    """
    return log(1 - sigmoid(fake))
