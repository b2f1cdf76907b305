-- How many visits there are.
SELECT count(*) AS visits FROM visits
