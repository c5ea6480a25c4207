# Made by robenv: bookworm from http://deb.debian.org/debian, recipe 1
FROM scratch
ADD ["rootfs.tar", "/"]
ENV PATH="/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin" LANG="C.UTF-8"
CMD ["bash"]
