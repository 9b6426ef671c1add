# dcign-tf in a container; docs/howto/containers.md says how to use it.
#
#     docker build -t dcign-tf .                              # for CPUs
#     docker build -t dcign-tf:cuda --build-arg EXTRAS=cuda . # for GPUs: run with --gpus=all

FROM python:3.12-slim

# Extras of setup.py, comma-separated: cuda, demo, serving, hub, ...
ARG EXTRAS=""

WORKDIR /opt/dcign_tf
COPY setup.py README.md CITATION.cff MANIFEST.in ./
COPY configs configs
COPY dcign_tf dcign_tf
RUN python -m pip install --no-cache-dir ".${EXTRAS:+[$EXTRAS]}"

# No user needs to exist, nor a home folder: whoever runs it may be anybody.
USER 1000:1000
WORKDIR /work

# The program itself is process 1, so that it gets the notice (SIGTERM) of `docker stop`.
ENTRYPOINT ["dcign-tf"]
CMD ["--help"]
