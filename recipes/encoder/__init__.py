"""How the encoder that ships with motionveil was made: data, augmentation, network, training, evaluation, export."""
