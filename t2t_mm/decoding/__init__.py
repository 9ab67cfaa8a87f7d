"""Decoding over any step function: greedy, sampling and beam search inside tf.while_loop (floor 1).

Import from the files (`from t2t_mm.decoding.greedy import greedy`); nothing is imported here, so that naming the
package costs nothing.
"""
