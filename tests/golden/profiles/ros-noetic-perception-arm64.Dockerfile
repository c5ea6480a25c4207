# Made by robenv. Change the profile, not this file.

FROM ros:noetic-perception AS image
USER root

# profile ros/noetic-ros-core
COPY ["keys/491c315bb66a", "/etc/apt/keyrings/ros.key"]
RUN --mount=type=cache,id=robenv-apt-ros-noetic-perception-linux-arm64-2c99cf07,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-ros-noetic-perception-linux-arm64-2c99cf07,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    for list in /etc/apt/sources.list.d/*; do \
      if grep -qsF -e ://packages.ros.org -e ://snapshots.ros.org -- "$list"; then rm -- "$list"; fi; \
    done; \
    mkdir -p /etc/apt/keyrings /etc/apt/sources.list.d; \
    keyring=; \
    key=/etc/apt/keyrings/ros; \
    keyring="$key.gpg"; if grep -q -e '-----BEGIN PGP' "$key.key"; then keyring="$key.asc"; fi; \
    mv "$key.key" "$keyring"; chmod 0644 "$keyring"; \
    printf '%s\n' 'Types: deb' 'URIs: http://snapshots.ros.org/noetic/final/ubuntu' 'Suites: focal' 'Components: main' ${keyring:+"Signed-By: $keyring"} \
      > /etc/apt/sources.list.d/ros.sources; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
ENV LANG="C.UTF-8" \
    ROS_DISTRO="noetic"
COPY ["robenv/image/bashrc", "/usr/local/lib/robenv/bashrc"]
RUN set -e; \
    line='if [ -r /usr/local/lib/robenv/bashrc ]; then . /usr/local/lib/robenv/bashrc; fi'; \
    if ! grep -qsxF -e "$line" /etc/bash.bashrc; then printf '%s\n' "$line" >> /etc/bash.bashrc; fi

# profile ros/noetic
RUN --mount=type=cache,id=robenv-apt-ros-noetic-perception-linux-arm64-2c99cf07,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-ros-noetic-perception-linux-arm64-2c99cf07,target=/var/lib/apt/lists,sharing=locked \
    set -e; export DEBIAN_FRONTEND=noninteractive; \
    apt-get update -q -o Acquire::Retries=3 -o APT::Update::Error-Mode=any; \
    apt-get install -q -y --no-install-recommends -o Acquire::Retries=3 -o Dpkg::Use-Pty=0 \
      -o Dir::Cache::archives=robenv/ -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold -- \
      build-essential \
      git \
      python3-catkin-tools \
      python3-rosdep \
      python3-vcstool; \
    rm -rf /var/log/apt/* /var/log/alternatives.log /var/log/bootstrap.log /var/log/dpkg.log \
      /var/cache/debconf/*-old /var/cache/ldconfig/aux-cache /var/lib/dpkg/*-old
RUN set -e; export ROS_HOME=/opt/robenv/ros; \
    if ! [ -e /etc/ros/rosdep/sources.list.d/20-default.list ]; then rosdep init; fi; \
    rosdep update --include-eol-distros --rosdistro noetic; \
    chmod -R a+rwX "$ROS_HOME"
COPY ["robenv/image/entrypoint", "/usr/local/lib/robenv/entrypoint"]
ENTRYPOINT ["/usr/local/lib/robenv/entrypoint"]
CMD ["bash"]
