//! Log-in by an issuer's token: whom it is about becomes a principal, and has the roles that its claims give.

use std::net::IpAddr;
use std::sync::Arc;

use access::{PrincipalId, Source, Standing};
use append::{Code, Refusal};
use axum::http::HeaderMap;
use log::Cell;

use super::{BadLogin, Gate, Principal, bearer, lock, refused, told, unauthenticated};
use crate::limits::ISSUER_RETRY_NS;
use crate::oidc::{Claims, Oidc, TokenFault};

impl Gate {
    /// The bearer token in these headers, where it is one for the issuer to answer for.
    pub(crate) fn issuer_token<'a>(&self, headers: &'a HeaderMap) -> Option<&'a str> {
        let token = bearer(headers).ok().and_then(|token| std::str::from_utf8(token).ok());
        let is_admin = |token: &str| self.admin.matches(&self.hash(token.as_bytes()));
        token.filter(|token| self.oidc.is_some() && Oidc::is_for(token) && !is_admin(token))
    }

    /// Who sent this token from this address. Whoever is seen for the first time, or with other roles, is so from here on by
    /// entries of `system`.
    pub(crate) async fn by_issuer(
        self: &Arc<Self>,
        cell: &Cell,
        token: &str,
        address: IpAddr,
    ) -> Result<Principal, Box<BadLogin>> {
        let bad = BadLogin::new;
        let Some(oidc) = &self.oidc else {
            return Err(bad(unauthenticated("no issuer is believed here"), None, "no issuer"));
        };
        // Failures count for whom it claims to be: somebody's stale token locks out nobody beside.
        let claimed = oidc.claimed(token).map(|subject| self.id_of(oidc, &subject));
        let claimed = claimed.filter(|id| self.standing().directory.account(id.as_str()).is_some());
        let source = Source::new(address, claimed.clone());
        if let Err(refusal) = self.check_source(&source) {
            return Err(bad(refusal, claimed, "locked out"));
        }
        let claims = match oidc.judge(token, self.now(), self.clock.boot_ns()).await {
            Ok(claims) => claims,
            Err(TokenFault::NoKeys) => {
                let detail = "the issuer of this token cannot be asked for its keys; try again";
                let wait_s = ISSUER_RETRY_NS / 1_000_000_000;
                let refusal = Refusal::new(Code::Unavailable, detail).retry_after(wait_s as u32);
                return Err(bad(refusal, claimed, "no keys of the issuer"));
            }
            Err(TokenFault::Bad(why)) => {
                self.count_failure(source, address);
                let detail = "the bearer token is not good here; get a new one from its issuer";
                return Err(bad(unauthenticated(detail), claimed, why));
            }
        };
        lock(&self.throttle).succeeded(&source);
        self.admit_subject(cell, self.id_of(oidc, &claims.subject), claims).await
    }

    async fn admit_subject(
        self: &Arc<Self>,
        cell: &Cell,
        id: PrincipalId,
        claims: Claims,
    ) -> Result<Principal, Box<BadLogin>> {
        let fail = |refusal, why| BadLogin::new(refusal, Some(id.clone()), why);
        if let Err(refusal) = self.take_roles(cell, &id, &claims).await {
            return Err(fail(refusal, "cannot become a principal"));
        }
        let standing = self.standing();
        let found = standing.directory.of_subject(&id).map(|_| ());
        drop(standing);
        found.map_err(|failure| {
            let detail = "the bearer token is not good here; ask an owner of the server";
            fail(unauthenticated(detail), told(failure).1)
        })?;
        let until = Some(claims.until);
        Ok(Principal { until, ..self.known_as(id, "oidc", claims.strength) })
    }

    /// Brings the principal's roles to those of its newest token. On a task of its own: what is permanent has to be taken in,
    /// whether or not the client has gone.
    async fn take_roles(
        self: &Arc<Self>,
        cell: &Cell,
        id: &PrincipalId,
        claims: &Claims,
    ) -> Result<(), Refusal> {
        let issuer = self.oidc.as_ref().map(Oidc::issuer).unwrap_or_default().to_owned();
        let planned = |standing: &Standing, id: &PrincipalId, claims: &Claims, issuer: &str| {
            let planned = standing.directory.plan_subject(id, issuer, &claims.grants);
            planned.map_err(|error| refused(&error))
        };
        if !self.is_newest(id, claims.issued_s)
            || planned(&self.standing(), id, claims, &issuer)?.is_empty()
        {
            return Ok(());
        }
        let (gate, cell, id, claims) = (Arc::clone(self), cell.clone(), id.clone(), claims.clone());
        let plan = move |standing: &Standing| planned(standing, &id, &claims, &issuer);
        let task = async move { gate.change(&cell, plan).await };
        tokio::spawn(task).await.unwrap_or_else(|error| Err(Gate::broke_off(&error)))
    }

    /// Whether no newer token of the principal was seen since the start: an older one, still good, gives back no role that the
    /// issuer has taken since.
    fn is_newest(&self, id: &PrincipalId, issued_s: u64) -> bool {
        let mut newest = lock(&self.newest_s);
        // At most one for each principal that there is, and one whose entries are under way.
        let last_s = newest.entry(id.clone()).or_default();
        *last_s = issued_s.max(*last_s);
        *last_s == issued_s
    }

    /// The id is keyed: who has the entries cannot find out whom an id is about by trying names.
    fn id_of(&self, oidc: &Oidc, subject: &str) -> PrincipalId {
        self.key.subject_id(oidc.issuer(), subject)
    }
}
