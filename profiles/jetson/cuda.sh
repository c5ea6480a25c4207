# nvcc and its kin: the packages put them where no shell looks.
export CUDA_HOME=/usr/local/cuda
PATH=$PATH:$CUDA_HOME/bin
