from lossgen.formula import Prediction, loss

WGAN = "Arjovsky et al. 2017, Wasserstein GAN, arXiv:1701.07875"


@loss(paper=f"{WGAN}, eq. 2 and algorithm 1")
def wasserstein_critic_loss(real: Prediction.of("real"), fake: Prediction.of("fake")):
    """The critic's estimate of the earth mover's distance, negated: the mean score of fakes less that of real samples.

    Use it where a plain GAN is unstable, to train the critic f. Strength: earth mover's distance: steadier training and
    convergence. Weakness: the critic must be tuned (clipping or penalty), so that f stays 1-Lipschitz. Minimise it; the
    paper maximises its negative.
    """
    return fake - real


@loss(paper=f"{WGAN}, algorithm 1")
def wasserstein_generator_loss(fake: Prediction):
    """The negated score that the critic gives to generated samples: −f(G(z)).

    Use it where a plain GAN is unstable, to train the generator G. Strength: earth mover's distance: steadier training
    and convergence. Weakness: the critic must be tuned (clipping or penalty).
    """
    return -fake
