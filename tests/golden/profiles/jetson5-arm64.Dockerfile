# Made by robenv. Change the profile, not this file.

FROM nvcr.io/nvidia/l4t-ml:r35.2.1-py3 AS image
USER root

# profile mixins/dev
RUN --mount=type=cache,id=robenv-apt-l4t-ml-r35.2.1-py3-linux-arm64-7bd5588a,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-l4t-ml-r35.2.1-py3-linux-arm64-7bd5588a,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      bash-completion \
      ca-certificates \
      curl \
      git \
      iproute2 \
      iputils-ping \
      less \
      nano \
      openssh-client \
      procps \
      vim-tiny; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
