"""Fine-tuning with axolotl (paper, section 3.2): a recipe's training as axolotl's configuration, run and checked."""
