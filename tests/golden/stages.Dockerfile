# Made by robenv. Change the profile, not this file.

FROM robenv/base:0123456789ab AS builder

# profile robenv.yaml
RUN --mount=type=cache,id=robenv-apt-bookworm-linux-amd64-f1b98de1,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-bookworm-linux-amd64-f1b98de1,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      gcc \
      make; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
# step build
RUN ["/bin/sh", "-ec", "make\nmake install DESTDIR=/out"]

FROM robenv/base:0123456789ab AS image

# profile robenv.yaml
COPY --from=builder ["/out", "/usr/local"]
CMD ["tool"]
