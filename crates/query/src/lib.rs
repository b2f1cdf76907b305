//! SQL over records and vitals, fenced per tenant.
