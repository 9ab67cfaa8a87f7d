"""The base of all layers: a keras layer whose parts build themselves when they are first called."""

import keras


class Layer(keras.layers.Layer):
    """A keras layer without variables of its own unless it overrides `build`.

    keras would otherwise run a layer without `build` once symbolically to find its parts' variables, each level of
    nesting anew; the model makes all variables in one eager pass instead (T2TModel.build_variables).
    """

    def build(self, shape=None):
        """Nothing of its own to build."""

    def memory(self, source):
        """What the steps of a causal layer read of the source: nothing, unless it overrides this."""
        return {}

    def initial_state(self, source, max_length):
        """What its steps hand on before the first of at most `max_length`: nothing, unless it overrides this."""
        return {}
