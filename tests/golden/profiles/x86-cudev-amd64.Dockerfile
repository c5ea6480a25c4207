# Made by robenv. Change the profile, not this file.

FROM nvidia/cuda:12.8.1-cudnn-devel-ubuntu24.04 AS image
USER root

# profile ros/jazzy-ros-core
RUN --mount=type=cache,id=robenv-apt-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/lib/apt/lists,sharing=locked \
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
    /usr/lib/apt/apt-helper download-file https://github.com/ros-infrastructure/ros-apt-source/releases/download/1.2.0/ros2-apt-source_1.2.0.noble_all.deb "$deb" SHA256:0804d9b13db770eb87019be414cd78378835228ad5fa801fc88758596dd8f7e5; \
    dpkg --force-confmiss -i "$deb"; rm -- "$deb"; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
RUN --mount=type=cache,id=robenv-apt-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      ros-jazzy-ros-core; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
ENV LANG="C.UTF-8" \
    ROS_DISTRO="jazzy"
COPY ["robenv/image/bashrc", "/usr/local/lib/robenv/bashrc"]
RUN set -e; \
    line='if [ -r /usr/local/lib/robenv/bashrc ]; then . /usr/local/lib/robenv/bashrc; fi'; \
    if ! grep -qsxF -e "$line" /etc/bash.bashrc; then printf '%s\n' "$line" >> /etc/bash.bashrc; fi

# profile ros/jazzy
RUN --mount=type=cache,id=robenv-apt-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      ros-jazzy-ros-base; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
RUN --mount=type=cache,id=robenv-apt-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/lib/apt/lists,sharing=locked \
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
    rosdep update --include-eol-distros --rosdistro jazzy; \
    chmod -R a+rwX "$ROS_HOME"
RUN set -e; \
    export COLCON_HOME=/opt/robenv/colcon COLCON_LOG_PATH=/dev/null; mkdir -p "$COLCON_HOME"; \
    colcon mixin remove default >/dev/null 2>&1 || :; \
    colcon mixin add default https://raw.githubusercontent.com/colcon/colcon-mixin-repository/master/index.yaml; \
    colcon mixin update; \
    chmod -R a+rwX "$COLCON_HOME"

# profile ros/jazzy-desktop
RUN --mount=type=cache,id=robenv-apt-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      ros-jazzy-desktop; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old

# profile mixins/dev
RUN --mount=type=cache,id=robenv-apt-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      bash-completion \
      ca-certificates \
      curl \
      iproute2 \
      iputils-ping \
      less \
      nano \
      openssh-client \
      procps \
      vim-tiny; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old

# profile mixins/gui
RUN --mount=type=cache,id=robenv-apt-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      fonts-dejavu-core \
      libegl1 \
      libgl1 \
      libgl1-mesa-dri \
      mesa-utils \
      x11-utils; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old

# profile mixins/gazebo
RUN --mount=type=cache,id=robenv-apt-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      ros-jazzy-gz-ros2-control \
      ros-jazzy-ros-gz; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old

# profile mixins/opencv
RUN --mount=type=cache,id=robenv-apt-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      libopencv-dev \
      python3-opencv; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old

# profile mixins/gdb
RUN --mount=type=cache,id=robenv-apt-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      gdb \
      gdbserver \
      strace \
      valgrind; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old

# profile mixins/clangd
RUN --mount=type=cache,id=robenv-apt-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      clang-format \
      clang-tidy \
      clangd; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
ENV CMAKE_EXPORT_COMPILE_COMMANDS="ON"

# profile mixins/ccache
RUN --mount=type=cache,id=robenv-apt-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-cuda-12.8.1-cudnn-devel-ubuntu24.04-linux-amd64-668b46f0,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      ccache; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
ENV CMAKE_C_COMPILER_LAUNCHER="ccache" \
    CMAKE_CXX_COMPILER_LAUNCHER="ccache"
# step ccache by the compilers' names, on Ubuntu 18.04 and 20.04
RUN ["/bin/sh", "-ec", "if grep -qx -e VERSION_CODENAME=bionic -e VERSION_CODENAME=focal /etc/os-release; then\n  for name in cc c++ gcc g++; do\n    [ -e \"/usr/local/bin/$name\" ] || ln -s ../../bin/ccache \"/usr/local/bin/$name\"\n  done\nfi\n"]
COPY ["robenv/image/entrypoint", "/usr/local/lib/robenv/entrypoint"]
ENTRYPOINT ["/usr/local/lib/robenv/entrypoint"]
CMD ["bash"]
