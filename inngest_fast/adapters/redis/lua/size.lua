-- -> how many jobs are here
--include layout
return call('HLEN', BASE .. ':jobs')
