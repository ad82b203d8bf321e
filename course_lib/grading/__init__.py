"""What teachers run: building assignments, judging submissions, reporting marks."""
