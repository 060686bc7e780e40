# syntax=docker/dockerfile:1
# The stage "models" has PyTorch and makes the model files; "serving" is the image and has neither PyTorch nor its size.
#
#   docker build --tag kernelsight:cpu .
#   docker build --tag kernelsight:gpu --build-arg RUNTIME=gpu .
#   docker build --tag kernelsight:ray --build-arg EXTRAS=ray .
#
# "serving" installs wheels whose hashes are in requirements/, on x86-64 and AArch64; the GPU's are for x86-64.
# pip's configuration (an index of your own) comes as a secret, which no layer keeps: --secret id=pip,src=pip.conf

# For GPUs as well: the CUDA libraries come as wheels that onnxruntime-gpu names by version, and a CUDA base image
# would be a second copy of them. The driver is the host's.
ARG BASE=python:3.11-slim-bookworm

FROM ${BASE} AS models
WORKDIR /src
COPY pyproject.toml constraints.txt README.md LICENSE ./
# PyTorch's builds for CPUs, a tenth of the others in size: exporting needs no GPU.
ARG TORCH_INDEX=https://download.pytorch.org/whl/cpu
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip install --constraint constraints.txt --no-deps --index-url "$TORCH_INDEX" torch torchvision \
    && pip install --constraint constraints.txt '.[cpu,export]'
COPY models models
COPY pipelines pipelines
COPY service service
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip install --no-deps .
# A folder or URL that has the model files, asked before their own sources.
ARG KERNELSIGHT_MODEL_MIRROR
# The cached store spares a change of code another export. Files are checked by hash, whichever way they come.
RUN --mount=type=cache,target=/store --mount=type=secret,id=pip,target=/etc/pip.conf \
    export KERNELSIGHT_STORE=/store \
    && kernelsight models pull && kernelsight models export && kernelsight models verify \
    && cp -R /store /models

FROM ${BASE} AS serving
LABEL org.opencontainers.image.title="KernelSight" \
      org.opencontainers.image.description="Self-hosted image understanding for multimodal chatbots" \
      org.opencontainers.image.licenses="Apache-2.0"
RUN groupadd --gid 10001 kernelsight \
    && useradd --uid 10001 --gid kernelsight --home-dir /var/lib/kernelsight --create-home kernelsight
WORKDIR /src
# Dependencies before code, which changes more often and is small.
COPY requirements requirements
ARG RUNTIME=cpu
# "ray" is for batches on a Ray cluster.
ARG EXTRAS=batch
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip install --require-hashes --only-binary :all: --requirement requirements/build.txt \
    --requirement "requirements/$RUNTIME.txt" --requirement "requirements/$EXTRAS.txt"
COPY --from=models /models /opt/kernelsight/models
COPY pyproject.toml README.md LICENSE ./
COPY models models
COPY pipelines pipelines
COPY service service
RUN --mount=type=cache,target=/root/.cache/pip --mount=type=secret,id=pip,target=/etc/pip.conf \
    pip install --no-deps --no-build-isolation .

# Models belong to the image, so that an upgrade never meets a volume with those of the version before.
# All that is written goes to XDG_DATA_HOME/kernelsight and /tmp: the rest can be read-only.
ENV KERNELSIGHT_STORE=/opt/kernelsight/models \
    KERNELSIGHT_HOST=0.0.0.0 \
    KERNELSIGHT_PORT=8000 \
    XDG_DATA_HOME=/var/lib
WORKDIR /var/lib/kernelsight
VOLUME /var/lib/kernelsight
USER 10001:10001
EXPOSE 8000
# Ready, and no model stuck since.
HEALTHCHECK --interval=15s --timeout=10s --start-period=120s --start-interval=2s CMD ["python", "-c", "import os, urllib.request as http; [http.urlopen(f'http://127.0.0.1:{os.environ[\"KERNELSIGHT_PORT\"]}/{path}', timeout=5) for path in ('readyz', 'healthz')]"]
ENTRYPOINT ["kernelsight"]
CMD ["serve"]
