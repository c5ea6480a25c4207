# Made by robenv. Change the profile, not this file.

FROM debian:bookworm AS builder
USER root

# profile picker
RUN set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      g++ \
      make; \
    rm -rf /var/cache/apt/robenv /var/cache/apt/*.bin /var/lib/apt/lists/*; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
# step compile
RUN ["/bin/sh", "-ec", "make -C /src\nmake -C /src install DESTDIR=/out"]

FROM builder AS tester
USER root

# profile picker
RUN set -e; export DEBIAN_FRONTEND=noninteractive; \
    if ! python3 -m pip --version >/dev/null 2>&1; then \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      python3-pip; \
    fi; \
    rm -rf /var/cache/apt/robenv /var/cache/apt/*.bin /var/lib/apt/lists/*; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
RUN set -e; export PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1; \
    python3 -m pip install --no-input --progress-bar off --no-cache-dir -- \
      pytest

FROM robenv/base:0123456789ab AS image

# profile ros/debian-bookworm
RUN set -e; export DEBIAN_FRONTEND=noninteractive; \
    for list in /etc/apt/sources.list.d/*; do \
      if grep -qsF -e ://packages.ros.org -e ://example.org/old -- "$list"; then rm -- "$list"; fi; \
    done; \
    if ! [ -e /etc/ssl/certs/ca-certificates.crt ]; then \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      ca-certificates; \
    fi; \
    mkdir -p /etc/apt/keyrings /etc/apt/sources.list.d; \
    deb=/tmp/whole.deb; \
    /usr/lib/apt/apt-helper download-file https://packages.example.org/sources.deb "$deb" SHA256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef; \
    dpkg --force-confmiss -i "$deb"; rm -- "$deb"; \
    keyring=; \
    key=/etc/apt/keyrings/example; \
    /usr/lib/apt/apt-helper download-file https://packages.example.org/key.asc "$key.key" SHA256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef; \
    keyring="$key.gpg"; if grep -q -e '-----BEGIN PGP' "$key.key"; then keyring="$key.asc"; fi; \
    mv "$key.key" "$keyring"; chmod 0644 "$keyring"; \
    printf '%s\n' 'Types: deb' 'URIs: https://packages.example.org/debian' 'Suites: bookworm' 'Components: main extra' 'Architectures: amd64' ${keyring:+"Signed-By: $keyring"} \
      > /etc/apt/sources.list.d/example.sources; \
    keyring=; \
    printf '%s\n' 'Types: deb' 'URIs: http://deb.debian.org/debian' 'Suites: bookworm-backports' 'Components: main' ${keyring:+"Signed-By: $keyring"} \
      > /etc/apt/sources.list.d/plain.sources; \
    rm -rf /var/cache/apt/robenv /var/cache/apt/*.bin /var/lib/apt/lists/*; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
RUN set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      ros-jazzy-desktop \
      ros-jazzy-rmw-zenoh-cpp; \
    rm -rf /var/cache/apt/robenv /var/cache/apt/*.bin /var/lib/apt/lists/*; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
RUN set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      g++ \
      'python3-opencv=4.6*' \
      ros-core; \
    rm -rf /var/cache/apt/robenv /var/cache/apt/*.bin /var/lib/apt/lists/*; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
ENV ROS_MASTER_URI="http://localhost:11311"
RUN set -e; export ROS_HOME=/opt/robenv/ros; \
    if ! [ -e /etc/ros/rosdep/sources.list.d/20-default.list ]; then rosdep init; fi; \
    rosdep update --include-eol-distros --rosdistro jazzy; \
    chmod -R a+rwX "$ROS_HOME"
RUN set -e; \
    export COLCON_HOME=/opt/robenv/colcon COLCON_LOG_PATH=/dev/null; mkdir -p "$COLCON_HOME"; \
    colcon mixin remove default >/dev/null 2>&1 || :; \
    colcon mixin add default https://example.org/mixins/index.yaml; \
    colcon mixin remove own >/dev/null 2>&1 || :; \
    colcon mixin add own 'http://example.org/a'"'"'b.yaml'; \
    colcon mixin update; \
    chmod -R a+rwX "$COLCON_HOME"
COPY ["robenv/image/bashrc", "/usr/local/lib/robenv/bashrc"]
RUN set -e; \
    line='if [ -r /usr/local/lib/robenv/bashrc ]; then . /usr/local/lib/robenv/bashrc; fi'; \
    if ! grep -qsxF -e "$line" /etc/bash.bashrc; then printf '%s\n' "$line" >> /etc/bash.bashrc; fi

# profile picker
ARG CALIB_VERSION="1.2"
ARG CALIB_FLAGS="-O2 -g"
COPY ["apt/local", "/etc/apt/keyrings/local.key"]
RUN set -e; export DEBIAN_FRONTEND=noninteractive; \
    mkdir -p /etc/apt/keyrings /etc/apt/sources.list.d; \
    keyring=; \
    key=/etc/apt/keyrings/local; \
    keyring="$key.gpg"; if grep -q -e '-----BEGIN PGP' "$key.key"; then keyring="$key.asc"; fi; \
    mv "$key.key" "$keyring"; chmod 0644 "$keyring"; \
    printf '%s\n' 'Types: deb' 'URIs: http://apt.example.org' 'Suites: ./' ${keyring:+"Signed-By: $keyring"} \
      > /etc/apt/sources.list.d/local.sources; \
    rm -rf /var/cache/apt/robenv /var/cache/apt/*.bin /var/lib/apt/lists/*; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
RUN set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      nano; \
    rm -rf /var/cache/apt/robenv /var/cache/apt/*.bin /var/lib/apt/lists/*; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
RUN set -e; export DEBIAN_FRONTEND=noninteractive; \
    if ! python3 -m pip --version >/dev/null 2>&1; then \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      python3-pip; \
    fi; \
    rm -rf /var/cache/apt/robenv /var/cache/apt/*.bin /var/lib/apt/lists/*; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
RUN set -e; export PIP_BREAK_SYSTEM_PACKAGES=1 PIP_ROOT_USER_ACTION=ignore PIP_DISABLE_PIP_VERSION_CHECK=1; \
    python3 -m pip install --no-input --progress-bar off --no-cache-dir -- \
      numpy==2.1.3 \
      'scipy>=1.11; python_version < '"'"'3.13'"'"''
ENV RCUTILS_COLORIZED_OUTPUT="1" \
    PROMPT="a \"b\" \$c \\"
RUN set -e; \
    if ! id dev >/dev/null 2>&1; then \
      if command -v useradd >/dev/null; then useradd --create-home --shell /bin/sh -- dev; \
      else adduser -D -- dev; fi; \
    fi
COPY ["files/1", "/etc/cyclone.xml"]
COPY --chown=dev:dev ["files/2", "/opt/config"]
COPY --from=builder ["/out", "/usr/local/"]
RUN ["chmod", "-R", "0755", "--", "/usr/local/"]
# step calibrate
USER "dev"
RUN ["/bin/bash", "-euo", "pipefail", "-c", "calib --init"]
# step check
RUN ["/bin/bash", "-euo", "pipefail", "-c", "calib --check\ncalib --list"]
# step tidy
USER "root"
RUN ["/bin/bash", "-euo", "pipefail", "-c", "rm -rf /tmp/calib"]
LABEL org.example.team="arm"
SHELL ["/bin/bash", "-euo", "pipefail", "-c"]
WORKDIR "/opt/picker"
COPY ["robenv/image/entrypoint", "/usr/local/lib/robenv/entrypoint"]
ENTRYPOINT ["/usr/local/lib/robenv/entrypoint", "/usr/local/bin/thing", "--"]
CMD ["bash", "-l"]
HEALTHCHECK --interval=2500ms --timeout=1000ms --start-period=10000ms --retries=5 CMD ["/bin/bash", "-euo", "pipefail", "-c", "rosnode ping -c1 /picker"]
USER "dev"
