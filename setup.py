"""Builds what a hit goes through with mypyc: ``python setup.py -q build_ext --inplace``."""

from mypyc.build import mypycify
from setuptools import setup

from gateway.compiled import GROUP, MODULES

# `make check` has checked all types; here the rest of the tree is only named. What is installed
# makes no difference: the image compiles where nothing is that the gateway runs with.
FLAGS = ["--config-file=", "--follow-imports=skip", "--strict-bytes"]
FLAGS += ["--no-site-packages", "--ignore-missing-imports"]

setup(
    name="lookup-gateway",
    packages=[],
    py_modules=[],
    ext_modules=mypycify([*FLAGS, *MODULES], opt_level="3", debug_level="0", group_name=GROUP),
)
