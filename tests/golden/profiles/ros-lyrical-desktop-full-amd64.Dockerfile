# Made by robenv. Change the profile, not this file.

FROM ros:lyrical-ros-base AS image
USER root

# profile ros/lyrical-ros-core
RUN --mount=type=cache,id=robenv-apt-ros-lyrical-ros-base-linux-amd64-57f2f6bd,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-ros-lyrical-ros-base-linux-amd64-57f2f6bd,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    for list in /etc/apt/sources.list.d/*; do \
      if grep -qsF -e ://packages.ros.org -- "$list"; then rm -- "$list"; fi; \
    done; \
    if ! [ -e /etc/ssl/certs/ca-certificates.crt ]; then \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      ca-certificates; \
    fi; \
    mkdir -p /etc/apt/keyrings /etc/apt/sources.list.d; \
    deb=/tmp/ros.deb; \
    /usr/lib/apt/apt-helper download-file https://github.com/ros-infrastructure/ros-apt-source/releases/download/1.2.0/ros2-apt-source_1.2.0.resolute_all.deb "$deb" SHA256:a275b9b819874e745a928e83e39c429fa4d607159285c4ef3ebcf75afa732ee3; \
    dpkg --force-confmiss -i "$deb"; rm -- "$deb"; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
ENV LANG="C.UTF-8" \
    ROS_DISTRO="lyrical"
COPY ["robenv/image/bashrc", "/usr/local/lib/robenv/bashrc"]
RUN set -e; \
    line='if [ -r /usr/local/lib/robenv/bashrc ]; then . /usr/local/lib/robenv/bashrc; fi'; \
    if ! grep -qsxF -e "$line" /etc/bash.bashrc; then printf '%s\n' "$line" >> /etc/bash.bashrc; fi

# profile ros/lyrical
RUN --mount=type=cache,id=robenv-apt-ros-lyrical-ros-base-linux-amd64-57f2f6bd,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-ros-lyrical-ros-base-linux-amd64-57f2f6bd,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      build-essential \
      git \
      python3-colcon-common-extensions \
      python3-colcon-mixin \
      python3-rosdep \
      python3-vcstool; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
RUN set -e; export ROS_HOME=/opt/robenv/ros; \
    if ! [ -e /etc/ros/rosdep/sources.list.d/20-default.list ]; then rosdep init; fi; \
    rosdep update --include-eol-distros --rosdistro lyrical; \
    chmod -R a+rwX "$ROS_HOME"
RUN set -e; \
    export COLCON_HOME=/opt/robenv/colcon COLCON_LOG_PATH=/dev/null; mkdir -p "$COLCON_HOME"; \
    colcon mixin remove default >/dev/null 2>&1 || :; \
    colcon mixin add default https://raw.githubusercontent.com/colcon/colcon-mixin-repository/master/index.yaml; \
    colcon mixin update; \
    chmod -R a+rwX "$COLCON_HOME"

# profile ros/lyrical-desktop
RUN --mount=type=cache,id=robenv-apt-ros-lyrical-ros-base-linux-amd64-57f2f6bd,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-ros-lyrical-ros-base-linux-amd64-57f2f6bd,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      ros-lyrical-desktop; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old

# profile ros/lyrical-desktop-full
RUN --mount=type=cache,id=robenv-apt-ros-lyrical-ros-base-linux-amd64-57f2f6bd,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-ros-lyrical-ros-base-linux-amd64-57f2f6bd,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      ros-lyrical-desktop-full; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
COPY ["robenv/image/entrypoint", "/usr/local/lib/robenv/entrypoint"]
ENTRYPOINT ["/usr/local/lib/robenv/entrypoint"]
CMD ["bash"]
