from lossgen.formula import Axis, NonNegative, Prediction, Sum, loss, sqrt

D = Axis("D", place="features")
d = D.index()


@loss(paper="Gulrajani et al. 2017, Improved Training of Wasserstein GANs, arXiv:1704.00028, eq. 3")
def gradient_penalty(gradients: Prediction[D], lambda_gp: NonNegative = 10):
    """Keeps the norm of a critic's gradient, one per sample, at 1.

    Use it with the Wasserstein losses, on the gradients at points between real and generated samples.
    Strength: steadier than clipping the critic's weights. Weakness: a second derivative through the critic, and λ to choose.
    The norm is over all dimensions but the first. A sample whose gradient is 0 contributes λ and the gradient 0.
    """
    norm = sqrt(Sum(gradients[d] ** 2, d))
    return lambda_gp * (norm - 1) ** 2
