# Made by robenv. Change the profile, not this file.

FROM robenv/base:0123456789ab AS image

# profile ./odd?name.yaml
ENV A="it's \"\$HOME\" `id` \\" \
    B="{{ user }} # <<EOF"
# step odd?RUN id
RUN ["/bin/sh", "-ec", "cat <<EOF\n$HOME \\\n# x\nEOF"]
LABEL a.b="\$x"
CMD ["printf", "a\nb"]
