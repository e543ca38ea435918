"""scikit-learn's bundled data, split into training and test sets in a fixed way."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from sklearn.datasets import load_breast_cancer, load_diabetes, load_digits
from sklearn.model_selection import train_test_split
from sklearn.preprocessing import StandardScaler

SEED = 0
TEST_PART = 0.25


@dataclass(frozen=True)
class Split:
    """Features (N, F) and targets (N,) for training and for the test."""

    features: np.ndarray
    targets: np.ndarray
    test_features: np.ndarray
    test_targets: np.ndarray


def digits() -> Split:
    """1,797 pictures of digits, 8 × 8 pixels scaled to [0, 1]; ten classes."""
    features, targets = load_digits(return_X_y=True)
    return _split(features / 16.0, targets, stratified=True)


def breast_cancer() -> Split:
    """569 tumours with 30 measurements each, standardised; malignant (0) or benign (1)."""
    return _standardised(_split(*load_breast_cancer(return_X_y=True), stratified=True))


def diabetes() -> Split:
    """442 patients with 10 measurements each, standardised; a measure of how the disease progressed."""
    return _standardised(_split(*load_diabetes(return_X_y=True), stratified=False))


def _split(features: np.ndarray, targets: np.ndarray, stratified: bool) -> Split:
    train, test, train_targets, test_targets = train_test_split(
        features, targets, test_size=TEST_PART, random_state=SEED, stratify=targets if stratified else None
    )
    return Split(train, train_targets, test, test_targets)


def _standardised(split: Split) -> Split:
    scaler = StandardScaler().fit(split.features)
    return Split(
        scaler.transform(split.features), split.targets, scaler.transform(split.test_features), split.test_targets
    )
