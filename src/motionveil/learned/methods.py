"""Names of learned methods. Importable without torch, for the command line."""

LEARNED_METHODS: dict[str, str] = {
    "grl": "a network against one attacker, whose gradient is reversed (Wu et al., ECCV 2018)",
    "kbeam": "a network against the strongest of several attackers (Wu et al., TPAMI 2020)",
    "entropy": "a network that makes several attackers unsure (Wu et al., TPAMI 2020)",
    "bdq": "blur, difference to the frame before, few levels (Kumawat and Nagahara, ECCV 2022)",
    "elr": "very few pixels, after inverse super-resolution (Ryoo et al., AAAI 2017)",
    "spact": "a network against contrastive features, without labels of people (Dave et al., CVPR 2022)",
}
"""Name → how it was trained, in one line."""

HOW_TO_MAKE = "motionveil bench learn EXPERIMENT.toml --root DIR -o FOLDER"
"""The command that trains one."""
