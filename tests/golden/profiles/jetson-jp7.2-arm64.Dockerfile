# Made by robenv. Change the profile, not this file.

FROM ubuntu:24.04 AS image
USER root

# profile jetson/jp7.2
COPY ["keys/fdd39ea24bff", "/etc/apt/keyrings/jetson.key"]
RUN --mount=type=cache,id=robenv-apt-ubuntu-24.04-linux-arm64-707ac6f4,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-ubuntu-24.04-linux-arm64-707ac6f4,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    if ! [ -e /etc/ssl/certs/ca-certificates.crt ]; then \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      ca-certificates; \
    fi; \
    mkdir -p /etc/apt/keyrings /etc/apt/sources.list.d; \
    keyring=; \
    key=/etc/apt/keyrings/jetson; \
    keyring="$key.gpg"; if grep -q -e '-----BEGIN PGP' "$key.key"; then keyring="$key.asc"; fi; \
    mv "$key.key" "$keyring"; chmod 0644 "$keyring"; \
    printf '%s\n' 'Types: deb' 'URIs: https://repo.download.nvidia.com/jetson/common' 'Suites: r39.2' 'Components: main' ${keyring:+"Signed-By: $keyring"} \
      > /etc/apt/sources.list.d/jetson.sources; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
RUN --mount=type=cache,id=robenv-apt-ubuntu-24.04-linux-arm64-707ac6f4,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-ubuntu-24.04-linux-arm64-707ac6f4,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      cuda-toolkit-13-2 \
      libcudnn9-dev-cuda-13 \
      libnvinfer-dev \
      libnvinfer-plugin-dev \
      libnvonnxparsers-dev \
      python3-libnvinfer; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
COPY ["files/67f5b8f1c507", "/etc/robenv/cuda.sh"]
COPY ["files/597abadf86e2", "/etc/apt/preferences.d/ubuntus-opencv.pref"]
COPY ["robenv/image/entrypoint", "/usr/local/lib/robenv/entrypoint"]
ENTRYPOINT ["/usr/local/lib/robenv/entrypoint"]
CMD ["bash"]
