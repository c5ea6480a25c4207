# Made by robenv. Change the profile, not this file.

FROM robenv/base:3eb2a548010c AS image

# profile mixins/colcon
RUN --mount=type=cache,id=robenv-apt-bookworm-linux-amd64-f1b98de1,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-bookworm-linux-amd64-f1b98de1,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      colcon \
      python3-colcon-bash \
      python3-colcon-cmake \
      python3-colcon-defaults \
      python3-colcon-devtools \
      python3-colcon-library-path \
      python3-colcon-metadata \
      python3-colcon-notification \
      python3-colcon-output \
      python3-colcon-package-information \
      python3-colcon-package-selection \
      python3-colcon-parallel-executor \
      python3-colcon-python-setup-py \
      python3-colcon-recursive-crawl \
      python3-colcon-ros \
      python3-colcon-test-result; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old

# profile ros/debian-bookworm
RUN --mount=type=cache,id=robenv-apt-bookworm-linux-amd64-f1b98de1,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-bookworm-linux-amd64-f1b98de1,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      build-essential \
      catkin \
      cmake \
      libgeometry-msgs-dev \
      libroscpp-dev \
      libsensor-msgs-dev \
      libstd-msgs-dev \
      libstd-srvs-dev \
      python3-geometry-msgs \
      python3-rosdep2 \
      python3-rospy \
      python3-sensor-msgs \
      python3-std-msgs \
      python3-std-srvs \
      ros-core \
      ros-message-generation \
      ros-message-runtime \
      rosbash \
      vcstool; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
ENV ROS_MASTER_URI="http://localhost:11311" \
    ROS_DISTRO="Debian" \
    ROS_VERSION="1" \
    ROS_PYTHON_VERSION="3"
COPY ["robenv/image/bashrc", "/usr/local/lib/robenv/bashrc"]
RUN set -e; \
    line='if [ -r /usr/local/lib/robenv/bashrc ]; then . /usr/local/lib/robenv/bashrc; fi'; \
    if ! grep -qsxF -e "$line" /etc/bash.bashrc; then printf '%s\n' "$line" >> /etc/bash.bashrc; fi
COPY ["robenv/image/entrypoint", "/usr/local/lib/robenv/entrypoint"]
ENTRYPOINT ["/usr/local/lib/robenv/entrypoint"]
CMD ["bash"]
