"""Installs dcign_tf; the build system and the tools are configured in pyproject.toml.

Where the repository is, `repository-code` of CITATION.cff says, once it is public: the package's
URLs and the README's links and pictures on a package index are made of that.
"""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
DOCS = [  # mkdocs.yml
    "latex2mathml>=3.77",
    "mkdocs>=1.6,<2",
    "mkdocs-api-autonav>=0.4",
    "mkdocs-material>=9.6,<10",
    "mkdocstrings[python]>=1,<2",
]


def repository(citation: str) -> str | None:
    """The URL of the repository, of the text of CITATION.cff; None where it tells none."""
    found = re.search(r"^repository-code: *[\"']?(https://[^\"'\s]+?)/?[\"']?$", citation, re.M)
    return found and found[1]


def long_description(readme: str, url: str | None) -> str:
    """The README as a package index shows it, which has no file of the repository.

    Links become whole ones; without a URL they are their text alone, and of pictures nothing is
    left.
    """

    def whole(match: re.Match[str]) -> str:
        is_picture, text, target = match.groups()
        if re.match(r"https?:|#", target):
            return match[0]
        if url is None:
            return "" if is_picture else text
        place = "raw" if is_picture else "blob"
        return f"{is_picture}[{text}]({url}/{place}/HEAD/{target})"

    return re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", whole, readme)


def urls(url: str | None) -> dict[str, str]:
    """Of the project, by their names on a package index."""
    ours = {
        "Source": "",
        "Documentation": "/tree/HEAD/docs",
        "Changelog": "/blob/HEAD/CHANGELOG.md",
    }
    places = {name: f"{url}{path}" for name, path in ours.items()} if url else {}
    return {**places, "Paper": "https://arxiv.org/abs/1503.03167"}


REPOSITORY = repository((HERE / "CITATION.cff").read_text(encoding="utf-8"))

setup(
    name="dcign-tf",
    version="0.1.0",
    description="Deep Convolutional Inverse Graphics Network (Kulkarni et al., 2015) on Keras 3",
    long_description=long_description((HERE / "README.md").read_text(encoding="utf-8"), REPOSITORY),
    long_description_content_type="text/markdown",
    author="The dcign_tf developers",
    project_urls=urls(REPOSITORY),
    keywords=[
        "analysis by synthesis",
        "computer graphics",
        "DC-IGN",
        "disentanglement",
        "faces",
        "inverse graphics",
        "Keras",
        "representation learning",
        "TensorFlow",
        "variational autoencoder",
    ],
    classifiers=[  # none of the licence, which has a field of its own (PEP 639)
        "Development Status :: 4 - Beta",
        "Intended Audience :: Science/Research",
        "Operating System :: POSIX :: Linux",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in range(10, 14)),
        "Topic :: Multimedia :: Graphics :: 3D Rendering",
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    license="Apache-2.0",
    license_files=["LICENSE"],
    python_requires=">=3.10,<3.14",
    # The experiments lie at the top of a checkout; in an installation, within the package.
    packages=[
        *find_packages(include=["dcign_tf", "dcign_tf.*"], exclude=["dcign_tf.configs"]),
        "dcign_tf.configs",
    ],
    package_dir={"dcign_tf.configs": "configs"},
    package_data={
        "dcign_tf": ["py.typed"],
        "dcign_tf.demo": ["panels.html", "style.css"],
        "dcign_tf.evaluation.report": ["templates/*"],
        "dcign_tf.pretrained": ["*/**/*"],
    },
    entry_points={"console_scripts": ["dcign-tf = dcign_tf.cli.main:main"]},
    install_requires=[
        "absl-py>=2.1",
        # TFDS files with random access: the order of training is a function of (seed, step).
        "array_record>=0.6",
        "embreex>=4.4",
        # Reads the Basel Face Models. Keras and TensorFlow bring it along anyway.
        "h5py>=3.11",
        "Jinja2>=3.1",
        "keras>=3.12,<3.16",
        "matplotlib>=3.9",
        "ml_collections>=1.0",
        "numpy>=2,<2.5",
        "Pillow>=10.1",
        "scikit-learn>=1.5",
        "scipy>=1.13",
        "tensorboard>=2.19",
        "tensorflow>=2.21,<2.22",
        "tensorflow-datasets>=4.9.9",
        "tensorflow-probability[tf]==0.25.*",
        # Protocol buffers only, 30 kB: the warm-up requests of an export.
        "tensorflow-serving-api>=2.21,<2.22",
        # Comes with scikit-learn.
        "threadpoolctl>=3.1",
        "tqdm>=4.66",
        # Writes the meshes of estimated faces.
        "trimesh>=4",
    ],
    extras_require={
        "cuda": ["tensorflow[and-cuda]>=2.21,<2.22"],
        "demo": ["av>=14", "gradio>=6.31,<7"],  # PyAV writes MP4
        "beam": ["apache-beam>=2.60,<3"],  # dcign-tf prepare --beam_options=…
        "hub": ["huggingface_hub>=1,<3"],  # load_pretrained("hf://…"), dcign-tf pack --hub
        "notebook": ["ipykernel>=6", "nbclient>=0.10", "nbformat>=5.10"],  # docs/make_tour.py
        "test": [
            "av>=14",
            "gradio>=6.31,<7",
            "huggingface_hub>=1,<3",
            "hypothesis>=6",
            "openvino>=2025.1",
            # With the Chromium that scripts/install_browser.sh installs.
            "playwright>=1.50",
            "pytest>=8",
            "pytest-xdist>=3.6",
            *DOCS,
        ],
        "benchmarks": ["psutil>=5", "torch>=2.6", "vtk>=9.4"],
        "dev": ["mypy>=2", "pre-commit>=4", "ruff>=0.17"],
        "docs": DOCS,
    },
)
