//! A shopping list whose page answers at once, by what its template declares: `cargo run -p shopping`, then open the address.
//!
//! `PORT` is the port to listen on (3000; 0 takes a free one). `SIGNING_KEY` is the secret that seals the cookies, at least
//! 32 bytes; a debug build makes one up.

#[cfg(test)]
mod tests;

use std::{env, error::Error, fmt, net::Ipv4Addr};

use axum::{
    Router,
    http::{HeaderValue, header},
    middleware::map_response,
    response::Response,
    routing::get,
};
use serde::{Deserialize, Serialize};
use statetemplate_axum::{Data, Live, Page, Payload, Rendered, StateTemplate, live};
use tokio::net::TcpListener;

const CONTENT_SECURITY_POLICY: &str = "default-src 'none'; script-src 'self'; connect-src 'self'; style-src 'self'; \
    img-src data:; form-action 'self'; base-uri 'none'; require-trusted-types-for 'script'";

#[derive(Serialize, Deserialize)]
struct Shopping {
    items: Vec<Item>,
    next_id: u64,
    search: String,
    locked: bool,
}

#[derive(Serialize, Deserialize)]
struct Item {
    id: u64,
    name: String,
    bought: bool,
}

/// Why nothing was done; the page shows what it showed before.
#[derive(Debug)]
struct Locked;

impl fmt::Display for Locked {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("the list is locked")
    }
}

impl Error for Locked {}

impl Shopping {
    fn new() -> Self {
        let items = ["Bread", "Coffee", "Tomatoes"].into_iter().zip(1..);
        Shopping {
            items: items
                .map(|(name, id)| Item {
                    id,
                    name: name.to_owned(),
                    bought: false,
                })
                .collect(),
            next_id: 4,
            search: String::new(),
            locked: false,
        }
    }

    fn open(&mut self) -> Result<&mut Self, Locked> {
        if self.locked { Err(Locked) } else { Ok(self) }
    }
}

#[derive(Deserialize)]
struct Name {
    name: String,
}

#[derive(Deserialize)]
struct Id {
    id: u64,
}

#[derive(Deserialize)]
struct Search {
    search: String,
}

async fn add(mut list: Data<Shopping>, Payload(Name { name }): Payload<Name>) -> Result<(), Locked> {
    let list = list.open()?;
    let name = name.trim();
    if !name.is_empty() {
        list.items.push(Item {
            id: list.next_id,
            name: name.chars().take(60).collect(),
            bought: false,
        });
        list.next_id += 1;
    }
    Ok(())
}

async fn toggle(mut list: Data<Shopping>, Payload(Id { id }): Payload<Id>) -> Result<(), Locked> {
    if let Some(item) = list.open()?.items.iter_mut().find(|item| item.id == id) {
        item.bought = !item.bought;
    }
    Ok(())
}

async fn clear(mut list: Data<Shopping>) -> Result<(), Locked> {
    list.open()?.items.retain(|item| !item.bought);
    Ok(())
}

async fn lock(mut list: Data<Shopping>) {
    list.locked = !list.locked;
}

async fn search(mut list: Data<Shopping>, Payload(Search { search }): Payload<Search>) {
    list.search = search.to_lowercase();
}

async fn page(live: Live<Shopping>) -> Result<Rendered, live::Error> {
    live.render(|| async { Shopping::new() }).await
}

fn live_pages() -> Result<StateTemplate, Box<dyn Error>> {
    let mut templates = minijinja::Environment::new();
    templates.add_template("shopping.html", include_str!("../templates/shopping.html"))?;
    let shopping = Page::<Shopping>::new("shopping.html")
        .action("add", add)
        .action("toggle", toggle)
        .action("clear", clear)
        .action("lock", lock)
        .action("search", search);
    // The list is served on 127.0.0.1 without encryption, where not every browser keeps Secure cookies.
    let mut builder = StateTemplate::builder(templates)
        .insecure_cookies()
        .page(shopping);
    if let Ok(key) = env::var("SIGNING_KEY") {
        builder = builder.signing_key(&key);
    }
    Ok(builder.build()?)
}

fn app(live: &StateTemplate) -> Router {
    let file = |kind: &'static str, text: &'static str| {
        get(move || async move { ([(header::CONTENT_TYPE, kind)], text) })
    };
    Router::new()
        .route("/", get(page))
        .layer(live.layer())
        .merge(live.routes())
        .route(
            "/shopping.css",
            file("text/css", include_str!("../static/shopping.css")),
        )
        .route(
            "/shopping.js",
            file("text/javascript", include_str!("../static/shopping.js")),
        )
        .layer(map_response(|mut response: Response| async {
            let policy = HeaderValue::from_static(CONTENT_SECURITY_POLICY);
            response
                .headers_mut()
                .insert(header::CONTENT_SECURITY_POLICY, policy);
            response
        }))
}

#[tokio::main]
#[expect(clippy::print_stdout, reason = "the address is what the program has to say")]
async fn main() -> Result<(), Box<dyn Error>> {
    let port: u16 = env::var("PORT").map_or(Ok(3000), |port| port.parse())?;
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await?;
    println!("http://{}", listener.local_addr()?);
    let live = live_pages().map_err(|error| format!("{error:#}"))?;
    Ok(axum::serve(listener, app(&live)).await?)
}
