from lossgen.formula import Max, Prediction, loss

HINGE = "Lim and Ye 2017, Geometric GAN, arXiv:1705.02894; Miyato et al. 2018, arXiv:1802.05957"


@loss(paper=HINGE)
def hinge_gan_discriminator_loss(real: Prediction.of("real"), fake: Prediction.of("fake")):
    """The hinge loss of telling real samples (score above 1) from generated ones (score below −1).

    Use it for image generation with large networks, to train the discriminator. Strength: samples that are told apart
    with a margin have no influence. Weakness: kinks (the gradient there is 0); unstable without normalised weights.
    """
    return Max(0, 1 - real) + Max(0, 1 + fake)


@loss(paper=HINGE)
def hinge_gan_generator_loss(fake: Prediction):
    """The negated score that the discriminator gives to generated samples: −D(G(z)).

    Use it for image generation with large networks, to train the generator against `hinge_gan_discriminator_loss`.
    Strength: a gradient that does not fade. Weakness: unstable without normalised weights; mode collapse.
    """
    return -fake
