"""SentencePiece vocabularies: training, reading with XLM-R's ids, and what two of them share."""
