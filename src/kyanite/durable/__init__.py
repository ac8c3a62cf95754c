"""Work that survives a crash: sessions, jobs, steps, leases, timetable. The only user of dbos."""
