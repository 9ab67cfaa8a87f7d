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
        """What the steps of a causal layer read of the source: unless it overrides this, nothing."""
        return {}
