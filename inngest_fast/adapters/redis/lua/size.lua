-- -> how many jobs are here
return call('HLEN', JOBS)
