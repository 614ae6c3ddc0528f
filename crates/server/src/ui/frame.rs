//! The frame of every page: head, navigation, and where its module draws.

use maud::{DOCTYPE, Markup, html};

use super::assets;

/// A page before it is put into its frame.
pub(super) struct Page<'a> {
    pub(super) title: &'a str,
    /// The file that runs in it.
    pub(super) module: &'a str,
    /// Who is signed in.
    pub(super) who: Option<&'a str>,
    /// The log that it is about, and which of its pages it is.
    pub(super) log: Option<(&'a str, Section)>,
    pub(super) body: Markup,
}

/// The pages of a log.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Section {
    Explore,
    Resource,
    Timeline,
    Queries,
    Integrity,
    Export,
}

pub(super) fn frame(page: &Page<'_>) -> Markup {
    html! {
        (DOCTYPE)
        html lang="en" {
            (head(&format!("{} · Graven", page.title), page.module))
            body {
                a .skip href="#main" { "Skip to content" }
                header .top {
                    a .brand href="/ui/" { img src=(assets::href("icon.svg")) alt="" width="24" height="24"; "Graven" }
                    @if let Some((log, section)) = page.log { (sections(log, section)) }
                    @if let Some(who) = page.who {
                        div .who {
                            a href="/ui/access" aria-current=[(page.module == "access.js").then_some("page")] { "Access" }
                            span { (who) } button #sign-out .quiet type="button" { "Sign out" }
                        }
                    }
                }
                main #main {
                    noscript {
                        p .notice.bad { "This page checks proofs and draws entries itself, and needs JavaScript for that. Without it: "
                            code { "graven get" } ", " code { "graven verify" } "." }
                    }
                    (page.body)
                }
            }
        }
    }
}

fn head(title: &str, module: &str) -> Markup {
    html! {
        head {
            meta charset="utf-8";
            meta name="viewport" content="width=device-width";
            meta name="color-scheme" content="light dark";
            title { (title) }
            link rel="icon" href=(assets::href("icon.svg"));
            link rel="stylesheet" href=(assets::href("style.css"));
            script type="module" src=(assets::href(module)) {}
        }
    }
}

/// A page in the midst of another product: nothing but its module.
pub(super) fn bare(title: &str, module: &str, body: &Markup) -> Markup {
    html! { (DOCTYPE) html lang="en" { (head(title, module)) body .bare { main #main { (body) } } } }
}

fn sections(log: &str, current: Section) -> Markup {
    let link = |section: Section, href: String, text: &str| {
        html! { a href=(href) aria-current=[(section == current).then_some("page")] { (text) } }
    };
    html! {
        nav aria-label="Log" {
            span .log-name { (log) }
            (link(Section::Explore, format!("/ui/logs/{log}"), "Explore"))
            (link(Section::Resource, format!("/ui/logs/{log}/resource"), "Resource"))
            (link(Section::Timeline, format!("/ui/logs/{log}/timeline"), "Timeline"))
            (link(Section::Queries, format!("/ui/logs/{log}/queries"), "Queries"))
            (link(Section::Integrity, format!("/ui/logs/{log}/integrity"), "Integrity"))
            (link(Section::Export, format!("/ui/logs/{log}/export"), "Export"))
        }
    }
}
