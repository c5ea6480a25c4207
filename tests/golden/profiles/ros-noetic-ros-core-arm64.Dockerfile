# Made by robenv. Change the profile, not this file.

FROM ros:noetic-ros-core AS image
USER root

# profile ros/noetic-ros-core
COPY ["keys/491c315bb66a", "/etc/apt/keyrings/ros.key"]
RUN --mount=type=cache,id=robenv-apt-ros-noetic-ros-core-linux-arm64-ff4cf2b3,target=/var/cache/apt,sharing=locked \
    --mount=type=cache,id=robenv-apt-lists-ros-noetic-ros-core-linux-arm64-ff4cf2b3,target=/var/lib/apt/lists,sharing=locked \
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
COPY ["robenv/image/entrypoint", "/usr/local/lib/robenv/entrypoint"]
ENTRYPOINT ["/usr/local/lib/robenv/entrypoint"]
CMD ["bash"]
