from lossgen.formula import Axis, NonNegative, Positive, Probability, Sum, Unit, loss

D = Axis("D", place="features")
d = D.index()


@loss(paper="Salehi et al. 2017, Tversky loss function for image segmentation, arXiv:1706.05721, eq. 2")
def tversky_loss(
    input: Probability[D],
    target: Unit[D],
    alpha: NonNegative = 0.5,
    beta: NonNegative = 0.5,
    smooth: Positive = 1,
):
    """One minus the Tversky index of a predicted and a true region, over all features (pixels, voxels) of an item.

    Use it for segmentation of small regions; `alpha` weighs false positives, `beta` false negatives.
    Strength: indifferent to the size of the background; precision is traded for recall by α and β.
    Weakness: gradients depend on the whole item; two more hyperparameters.
    The smoothing term is added above and below the fraction, so that two empty regions overlap perfectly. A nearly perfect
    overlap keeps its digits. Under soft targets the slope in a feature may cross 0, where it has few.
    """
    both = Sum(input[d] * target[d], d)
    false_positive = Sum(input[d] * (1 - target[d]), d)
    false_negative = Sum((1 - input[d]) * target[d], d)
    return 1 - (both + smooth) / (both + alpha * false_positive + beta * false_negative + smooth)


@loss(
    paper="Milletari, Navab and Ahmadi 2016, V-Net, arXiv:1606.04797, section 3, without the squares below the fraction"
)
def dice_loss(input: Probability[D], target: Unit[D], smooth: Positive = 1):
    """One minus the Dice coefficient, (2·Σ p·y + s) / (Σ p + Σ y + s), over all features of an item.

    Use it for segmentation where the region is small against its background.
    Strength: indifferent to the size of the background. Weakness: gradients depend on the whole item; unsteady for tiny regions.
    """
    return tversky_loss(input, target, alpha=0.5, beta=0.5, smooth=smooth / 2)


@loss(paper="Rahman and Wang 2016, Optimizing Intersection-Over-Union in Deep Neural Networks, eq. 4–5")
def jaccard_loss(input: Probability[D], target: Unit[D], smooth: Positive = 1):
    """One minus the intersection over union (Jaccard index), over all features of an item.

    Use it for segmentation that is judged by intersection over union.
    Strength: indifferent to the size of the background; trains what is measured.
    Weakness: gradients depend on the whole item; unsteady for tiny regions.
    """
    return tversky_loss(input, target, alpha=1, beta=1, smooth=smooth)
