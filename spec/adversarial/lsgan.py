from lossgen.formula import Prediction, loss

LSGAN = "Mao et al. 2017, Least Squares Generative Adversarial Networks, arXiv:1611.04076, eq. 9"


@loss(paper=LSGAN)
def lsgan_discriminator_loss(real: Prediction.of("real"), fake: Prediction.of("fake")):
    """Half the squared error of a discriminator whose target is 1 for real samples and 0 for generated ones.

    Use it for image generation, to train the discriminator. Strength: samples far from the boundary keep a gradient, so
    that training is steadier than a plain GAN's. Weakness: scores far beyond their target cost, too; mode collapse.
    """
    return (real - 1) ** 2 / 2 + fake**2 / 2


@loss(paper=LSGAN)
def lsgan_generator_loss(fake: Prediction):
    """Half the squared error of generated samples for which the discriminator should answer 1.

    Use it for image generation, to train the generator. Strength: samples far from the boundary keep a gradient, so that
    training is steadier than a plain GAN's. Weakness: scores far beyond their target cost, too; mode collapse.
    """
    return (fake - 1) ** 2 / 2
