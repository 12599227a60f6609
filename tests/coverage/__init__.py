"""Sweeps over whole libraries: does camctl, without a flag, name what an expert would?"""
