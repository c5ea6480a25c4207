# Made by robenv. Change the profile, not this file.

FROM ros:rolling-ros-core AS image
USER root

# profile ros/rolling-ros-core
RUN --mount=type=cache,id=robenv-apt-ros-rolling-ros-core-linux-amd64-01afcd2c,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-ros-rolling-ros-core-linux-amd64-01afcd2c,target=/var/lib/apt/lists,sharing=locked \
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
    ROS_DISTRO="rolling"
COPY ["robenv/image/bashrc", "/usr/local/lib/robenv/bashrc"]
RUN set -e; \
    line='if [ -r /usr/local/lib/robenv/bashrc ]; then . /usr/local/lib/robenv/bashrc; fi'; \
    if ! grep -qsxF -e "$line" /etc/bash.bashrc; then printf '%s\n' "$line" >> /etc/bash.bashrc; fi
COPY ["robenv/image/entrypoint", "/usr/local/lib/robenv/entrypoint"]
ENTRYPOINT ["/usr/local/lib/robenv/entrypoint"]
CMD ["bash"]
