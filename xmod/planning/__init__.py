"""What a run will cost: parameters, arithmetic, time, memory and disk, before anything runs."""
