"""The demo's nets of each question, as `python:question_nets:NAME`."""

from tests.questions.demo_nets import Detector, Encoder, Regressor, Segmenter, loaded


def segmenter():
    return loaded(Segmenter)


def detector():
    return loaded(Detector)


def regressor():
    return loaded(Regressor)


def encoder():
    return loaded(Encoder)
