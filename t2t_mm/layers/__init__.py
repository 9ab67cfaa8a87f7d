"""Layers: tensors and numbers in, tensors out; they know neither hparams nor problems, and speak keras only.

The letters of shapes, used in every file below:

    B  batch                L  length of a sequence       T  length of the target     S  length of the source
    D  hidden size          H  heads                      K  width of a kernel        d  dilation
    R  rows of a step: B, or a multiple of it where R/B rows in a row share a source (beams, samples)
    N  tokens, B·L          E  experts                    F  filters of an expert     C  slots of an expert
    V  size of a vocabulary

A *causal* layer offers four doors to the same function:

    call(x, source, presence, training)    [B, T, D] → [B, T, D]; position t sees positions ≤ t only
    memory(source)                         what steps read of the source, a nest with leading axis B
    initial_state(source, max_length)      the state before the first position, a nest with leading axis B
    step(x, state, position, memory)       [R, D] → [R, D] and the next state; equals `call` position by position

Memory and state are empty unless a layer says otherwise. A step writes to its buffers by `stepping.write`, and what
multiplies by a variable of its own takes `stepping.weight`, which a loop of steps makes faster.
"""
