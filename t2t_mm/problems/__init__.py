"""Problems: one file for each family of tasks, each class everything there is to know about a task."""
