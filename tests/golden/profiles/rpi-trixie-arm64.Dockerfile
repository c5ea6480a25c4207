# Made by robenv. Change the profile, not this file.

FROM robenv/base:7d2959f0874a AS image

# profile mixins/rpi
RUN --mount=type=cache,id=robenv-apt-trixie-linux-arm64-65dc718c,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-trixie-linux-arm64-65dc718c,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      gpiod \
      i2c-tools \
      python3-libgpiod \
      v4l-utils; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
